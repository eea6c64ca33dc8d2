from pydantic import BaseModel


class Summary(BaseModel):
    open: int
    done: int
