"""From a judged topology to a target, a migration plan and the correctness of each flow."""
