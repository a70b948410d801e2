mock_data "archive_file" {
  defaults = { output_sha256 = "5e7ed" }
}
