"""The pocket pool: four tiny language models that ship with the package, and the tasks they were trained on."""
