"""The Purpose Gateway: nothing leaves without a purpose, and nothing more than the purpose needs."""
