"""The Purpose Gateway: nothing leaves without a purpose, and nothing leaves that the purpose does not need."""
