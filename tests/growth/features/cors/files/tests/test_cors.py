import pytest

from app.main import create_app
from app.settings import Settings
from tests.client import TestClient

ORIGIN = "https://app.example.com"


@pytest.fixture
def client_of_a_browser(settings: Settings) -> TestClient:
    """`CORS_ORIGINS=https://app.example.com ALLOWED_HOSTS='["api.example.com"]'`"""
    update = {"cors_origins": (ORIGIN,), "allowed_hosts": ("api.example.com",)}
    app = create_app(settings.model_copy(update=update))
    return TestClient(app, base_url="https://api.example.com")


def preflight(origin: str) -> dict[str, str]:
    return {"Origin": origin, "Access-Control-Request-Method": "POST"}


def test_an_origin_of_the_settings_may_send_requests(client_of_a_browser: TestClient) -> None:
    response = client_of_a_browser.options("/tasks", headers=preflight(ORIGIN))

    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN


def test_any_other_origin_may_not(client_of_a_browser: TestClient) -> None:
    response = client_of_a_browser.options("/tasks", headers=preflight("https://evil.example.com"))

    assert response.status_code == 400
    assert "Access-Control-Allow-Origin" not in response.headers


def test_a_browser_can_read_an_error(client_of_a_browser: TestClient) -> None:
    response = client_of_a_browser.get("/tasks", headers={"Origin": ORIGIN})

    assert response.status_code == 401
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN


def test_a_host_that_is_not_in_the_settings_is_refused(client_of_a_browser: TestClient) -> None:
    response = client_of_a_browser.get("/livez", headers={"Host": "evil.example.com"})

    assert response.status_code == 400


def test_without_these_settings_no_origin_is_allowed(settings: Settings) -> None:
    client = TestClient(create_app(settings))

    response = client.options("/tasks", headers=preflight(ORIGIN))

    assert "Access-Control-Allow-Origin" not in response.headers
