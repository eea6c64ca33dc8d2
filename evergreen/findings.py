from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """Something that is wrong with a service: which check says so, in which file, and what."""

    check: str
    file: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}: {self.message}" if self.file else self.message
