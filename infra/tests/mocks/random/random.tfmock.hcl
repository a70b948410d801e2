mock_resource "random_id" {
  override_during = plan
  defaults        = { hex = "0a1b2c" }
}
