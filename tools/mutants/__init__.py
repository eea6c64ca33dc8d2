"""Mutates the code of a service and checks whether its suite notices.

The operators are our own: mutmut 3 mutates neither decorated functions nor code outside
functions, so it would skip every route, schema and model; and no maintained tool drops an argument
(`where(a, b)`) or a statement (`await session.commit()`), the defects that suites of such services
miss.
"""
