# What is kept, where, and for how long.

mock_provider "google" {
  source = "./tests/mocks/google"
}
mock_provider "google-beta" {
  source = "./tests/mocks/google-beta"
}
mock_provider "random" {
  mock_resource "random_id" {
    override_during = plan
    defaults        = { hex = "0a1b2c" }
  }
}
mock_provider "archive" {
  mock_data "archive_file" {
    defaults = { output_sha256 = "5e7ed" }
  }
}

variables {
  project_id        = "reelay-test"
  region            = "asia-northeast3"
  billing_account   = "012345-6789AB-CDEF01"
  gcp_budget_amount = 50
  alert_emails      = ["owner@example.com"]
  allowed_origins   = ["https://app.example.com"]
}

run "storage" {
  command = plan

  assert {
    condition     = google_firestore_database.default.name == "(default)" && google_firestore_database.default.type == "FIRESTORE_NATIVE"
    error_message = "The database must be (default): the rules and Firebase's SDKs look there."
  }
  assert {
    condition     = google_firestore_database.default.delete_protection_state == "DELETE_PROTECTION_ENABLED"
    error_message = "The database must be protected from being deleted."
  }
  assert {
    condition     = google_firestore_database.default.point_in_time_recovery_enablement == "POINT_IN_TIME_RECOVERY_ENABLED"
    error_message = "Money must be readable as it was."
  }
  assert {
    condition     = google_firestore_database.default.location_id == "asia-northeast3"
    error_message = "Unless said otherwise the data is where the functions are."
  }
  assert {
    condition     = join(" ", sort([for field in google_firestore_field.ttl : "${field.collection}.${field.field}" if length(field.ttl_config) == 1])) == "idempotency.expires_at internal.expires_at videos.expires_at"
    error_message = "TTL deletes nothing below a document: both documents of a job need it, and the keys."
  }
  assert {
    condition     = one(google_firestore_field.wake_at.index_config[0].indexes).query_scope == "COLLECTION_GROUP" && one(google_firestore_field.wake_at.index_config[0].indexes).order == "ASCENDING" && google_firestore_field.wake_at.collection == "internal"
    error_message = "Without its collection-group index each sweep fails."
  }
  assert {
    condition     = length(google_firestore_field.internal.index_config[0].indexes) == 0 && google_firestore_field.internal.field == "*"
    error_message = "The rest of a job's record needs no index."
  }
  assert {
    condition     = join(" ", [for field in google_firestore_index.indexes["videos_of_user_by_status"].fields : "${field.field_path}:${field.order}"]) == "user_id:ASCENDING status:ASCENDING created_at:DESCENDING __name__:DESCENDING"
    error_message = "The list of one status needs this index."
  }
  assert {
    condition     = join(" ", [for field in google_firestore_index.indexes["videos_of_user"].fields : "${field.field_path}:${field.order}"]) == "user_id:ASCENDING created_at:DESCENDING __name__:DESCENDING"
    error_message = "The list of a user's jobs needs this index."
  }
  assert {
    condition     = google_firebaserules_release.firestore.name == "cloud.firestore"
    error_message = "The rules must be released for Firestore."
  }
  assert {
    condition     = google_firebaserules_ruleset.firestore.source[0].files[0].content == file("firestore.rules")
    error_message = "The rules released must be those of the file."
  }

  assert {
    condition     = alltrue([for bucket in [google_storage_bucket.videos, google_storage_bucket.source] : bucket.public_access_prevention == "enforced"])
    error_message = "No bucket may ever be public."
  }
  assert {
    condition     = alltrue([for bucket in [google_storage_bucket.videos, google_storage_bucket.source] : bucket.uniform_bucket_level_access])
    error_message = "Access must be by IAM alone."
  }
  assert {
    condition = {
      for rule in google_storage_bucket.videos.lifecycle_rule :
      one(one(rule.condition).matches_prefix) => one(rule.condition).age
      if one(rule.action).type == "Delete"
    } == { "uploads/" = 1, "incoming/" = 2, "images/" = 30, "videos/" = 30 }
    error_message = "Each folder must empty itself, images and videos after the retention."
  }
  assert {
    condition     = google_storage_bucket.videos.soft_delete_policy[0].retention_duration_seconds == 0 && !google_storage_bucket.videos.versioning[0].enabled
    error_message = "What is deleted must be gone."
  }
  assert {
    condition     = length([for rule in google_storage_bucket.videos.lifecycle_rule : rule if one(rule.action).type == "AbortIncompleteMultipartUpload"]) == 1
    error_message = "Uploads that were broken off must go."
  }
  assert {
    condition     = google_storage_bucket.videos.cors[0].origin == tolist(["https://reelay-test.web.app", "https://reelay-test.firebaseapp.com", "https://app.example.com"])
    error_message = "The bucket must answer the page's and the given origins, and no other."
  }
  assert {
    condition     = !contains(google_storage_bucket.videos.cors[0].origin, "*")
    error_message = "No origin may be a star."
  }
  assert {
    condition     = length(setsubtract(["content-type", "x-goog-content-length-range", "x-goog-if-generation-match", "Range", "Content-Range", "Content-Length", "ETag"], google_storage_bucket.videos.cors[0].response_header)) == 0 && join(" ", sort(google_storage_bucket.videos.cors[0].method)) == "GET HEAD PUT"
    error_message = "A browser must be let send what was signed, and read what came."
  }
  assert {
    condition     = google_cloudfunctions2_function.functions["api"].service_config[0].environment_variables["ALLOWED_ORIGINS"] == "https://reelay-test.web.app,https://reelay-test.firebaseapp.com,https://app.example.com"
    error_message = "The API must answer the same origins as the bucket."
  }
  assert {
    condition     = !google_identity_platform_config.users[0].sign_in[0].anonymous[0].enabled
    error_message = "Anonymous users would each have a cap of their own."
  }
  assert {
    condition     = google_identity_platform_config.users[0].client[0].permissions[0].disabled_user_signup
    error_message = "Strangers may not make themselves users unless one says so."
  }
}

run "elsewhere" {
  command = plan

  variables {
    firestore_location = "eur3"
    bucket_location    = "EU"
    retention_days     = 7
    enable_web         = false
    allowed_origins    = []
  }

  assert {
    condition     = google_firestore_database.default.location_id == "eur3" && google_storage_bucket.videos.location == "EU"
    error_message = "Data may lie elsewhere than the functions."
  }
  assert {
    condition     = toset([for rule in google_storage_bucket.videos.lifecycle_rule : one(rule.condition).age if one(rule.condition).matches_prefix == tolist(["videos/"])]) == toset([7])
    error_message = "The bucket must keep videos as long as the records."
  }
  assert {
    condition     = google_cloudfunctions2_function.functions["worker"].service_config[0].environment_variables["RETENTION_DAYS"] == "7"
    error_message = "The records must be kept as long as the videos."
  }
  assert {
    condition     = length(google_storage_bucket.videos.cors) == 0 && length(google_firebase_web_app.web) == 0 && output.web_config == null
    error_message = "Without a page nothing of it may be made."
  }
}
