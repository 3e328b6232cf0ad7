"""Models on this machine: any causal language model of transformers, batched, behind the upstream contract."""
