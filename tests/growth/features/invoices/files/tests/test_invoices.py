from typing import Any
from unittest.mock import ANY

import pytest

from tests.client import AsyncClient
from tests.helpers import problem

NEW = {"number": "2026-1", "day": "2026-12-24"}


@pytest.fixture
async def invoice(client: AsyncClient) -> dict[str, Any]:
    response = await client.post("/invoices", json=NEW)
    invoice: dict[str, Any] = response.json()
    return invoice


async def test_a_new_invoice_is_an_empty_draft(client: AsyncClient) -> None:
    response = await client.post("/invoices", json=NEW)

    assert response.status_code == 201
    invoice = response.json()
    assert invoice == {**NEW, "id": ANY, "status": "draft", "lines": [], "total": "0.00"}
    assert response.headers["Location"] == f"/invoices/{invoice['id']}"


async def test_a_number_is_used_only_once(client: AsyncClient, invoice: dict[str, Any]) -> None:
    response = await client.post("/invoices", json=NEW)

    assert response.status_code == 409
    assert response.json() == problem(409, "Conflict", "There is an invoice with this number.")


async def test_two_users_can_use_the_same_number(
    invoice: dict[str, Any], other_client: AsyncClient
) -> None:
    response = await other_client.post("/invoices", json=NEW)

    assert response.status_code == 201


async def test_a_list_has_only_the_invoices_of_its_owner(
    client: AsyncClient, other_client: AsyncClient, invoice: dict[str, Any]
) -> None:
    own = await client.get("/invoices")
    others = await other_client.get("/invoices")

    assert own.json() == [invoice]
    assert others.json() == []


@pytest.mark.parametrize(("status", "number"), [("draft", 1), ("sent", 0)])
async def test_a_list_can_be_filtered_by_status(
    client: AsyncClient, invoice: dict[str, Any], status: str, number: int
) -> None:
    response = await client.get("/invoices", params={"status": status})

    assert len(response.json()) == number


async def test_a_day_is_changed(client: AsyncClient, invoice: dict[str, Any]) -> None:
    address = f"/invoices/{invoice['id']}"

    response = await client.patch(address, json={"day": "2026-12-31"})

    assert response.json() == {**invoice, "day": "2026-12-31"}
    assert (await client.get(address)).json() == response.json()


async def test_amounts_are_exact_and_have_two_places(
    client: AsyncClient, invoice: dict[str, Any]
) -> None:
    address = f"/invoices/{invoice['id']}"

    added = [
        await client.post(f"{address}/lines", json={"text": "Milk", "amount": amount})
        for amount in ("0.1", "0.20")
    ]
    read = await client.get(address)

    assert [response.status_code for response in added] == [201, 201]
    assert [response.json()["amount"] for response in added] == ["0.10", "0.20"]
    assert read.json()["lines"] == [response.json() for response in added]
    assert read.json()["total"] == "0.30"


async def test_a_deleted_line_is_not_found(client: AsyncClient, invoice: dict[str, Any]) -> None:
    lines = f"/invoices/{invoice['id']}/lines"
    line = (await client.post(lines, json={"text": "Milk", "amount": "1.00"})).json()

    first = await client.delete(f"{lines}/{line['id']}")
    second = await client.delete(f"{lines}/{line['id']}")

    assert first.status_code == 204
    assert second.status_code == 404
    assert second.json() == problem(404, "Not Found", "There is no such line.")


async def test_an_invoice_is_paid_after_it_is_sent(
    client: AsyncClient, invoice: dict[str, Any]
) -> None:
    address = f"/invoices/{invoice['id']}"

    too_early = await client.post(f"{address}/pay")
    sent = await client.post(f"{address}/send")
    paid = await client.post(f"{address}/pay")

    assert too_early.status_code == 409
    assert too_early.json() == problem(409, "Conflict", "The status is draft, not sent.")
    assert sent.json() == {**invoice, "status": "sent"}
    assert paid.json() == {**invoice, "status": "paid"}
    assert (await client.get(address)).json() == paid.json()


async def test_an_invoice_that_does_not_exist_is_not_found(client: AsyncClient) -> None:
    response = await client.get("/invoices/00000000-0000-0000-0000-000000000000")

    assert response.status_code == 404
    assert response.json() == problem(404, "Not Found", "There is no such invoice.")
