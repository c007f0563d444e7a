"""What to do: applicability, recommendation, ordering, processing, questions. Built on findings and flows."""
