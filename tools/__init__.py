"""What measures the template and reports on it; it imports the library, and no test."""
