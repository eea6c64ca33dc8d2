from decimal import Decimal

from sqlalchemy import BigInteger, Dialect, TypeDecorator


class Cents(TypeDecorator[Decimal]):
    """An amount of money, stored as whole cents, with which every database computes exactly."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:
        return None if value is None else int(value * 100)

    def process_result_value(self, value: int | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value) / 100
