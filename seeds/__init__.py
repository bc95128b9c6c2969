"""What the gateway is shown and tested with: a synthetic city, and scenarios played in it."""
