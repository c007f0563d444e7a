"""From a design to a folder of files that a team can review, deploy and operate."""
