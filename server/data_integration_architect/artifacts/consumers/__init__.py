"""Consumers that apply changes to derived stores: by key, refusing older versions, so that repetition is harmless."""
