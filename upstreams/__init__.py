"""Who answers: clients, local models and fakes behind one contract."""
