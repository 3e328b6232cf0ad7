"""Learnt parts that are not routers: networks that judge what models answered."""
