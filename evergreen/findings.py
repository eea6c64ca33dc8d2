from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """A fault in a service; `file` is empty if it is not in a file."""

    check: str
    file: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}: {self.message}" if self.file else self.message
