"""What stands behind the ports: engines, databases, files, clocks. Only `wiring` chooses among them."""
