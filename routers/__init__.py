"""What decides: encoders, estimators, policies, and the recipes that name them as papers do."""
