"""Any Python value as JSON, as text and as an identity."""
