"""What proves that each service which the questions can produce is right.

`python -m proof` renders all combinations of the answers, checks each of them, runs the suite of
each service that differs from the others, and writes what it found on a page, `proof.html`.
"""
