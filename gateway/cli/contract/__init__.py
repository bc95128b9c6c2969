"""`gateway contract`: data contracts drafted, checked, brought in and given to others."""
