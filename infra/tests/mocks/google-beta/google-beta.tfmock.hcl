# Google's own agents, and the web app.

override_resource {
  target          = google_project_service_identity.agents["aiplatform.googleapis.com"]
  override_during = plan
  values          = { member = "serviceAccount:service-123456789012@gcp-sa-aiplatform.iam.gserviceaccount.com" }
}

override_resource {
  target          = google_project_service_identity.agents["pubsub.googleapis.com"]
  override_during = plan
  values          = { member = "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com" }
}

mock_resource "google_firebase_web_app" {
  override_during = plan
  defaults        = { app_id = "1:123456789012:web:abc" }
}
