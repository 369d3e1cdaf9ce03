"""What a script calls that was written for wandb: `from mediatypes.interop import wandb`."""
