"""Mutates the code of a service and sees whether its suite notices.

The operators are our own: mutmut 3 mutates neither decorated functions nor code outside of
functions, so it would pass over each route, schema and model; and no well-kept tool drops an
argument (`where(a, b)`) or a statement (`await session.commit()`), which are the defects that
suites of such services miss.
"""
