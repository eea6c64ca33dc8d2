"""Programs: the combinations, mutants, benchmarks, pictures, the report; they import no tests."""
