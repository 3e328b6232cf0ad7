"""How routers learn and how they are measured."""
