"""What an operator does to a cloud project: deploy, keys, admins, kill switch."""
