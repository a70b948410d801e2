# The database is (default), which rules and Firebase's SDKs use if none is named.
resource "google_firestore_database" "default" {
  name                    = "(default)"
  location_id             = local.firestore_location
  type                    = "FIRESTORE_NATIVE"
  delete_protection_state = "DELETE_PROTECTION_ENABLED"
  # Lets jobs and money be read as they were at any minute of the last seven days.
  point_in_time_recovery_enablement = "POINT_IN_TIME_RECOVERY_ENABLED"

  lifecycle {
    prevent_destroy = true
  }
  depends_on = [google_project_service.apis]
}

import {
  for_each = setintersection(var.existing, ["firestore_database"])
  to       = google_firestore_database.default
  id       = "projects/${var.project_id}/databases/(default)"
}

locals {
  # TTL deletes a document but nothing below it, so both documents of a job have the field.
  # No query uses it, so it has no index, which would be a hot spot.
  ttl_collections = toset(["videos", "internal", "idempotency"])

  # The code's queries that Firestore's automatic indexes don't cover; `__name__` is appended.
  composite_indexes = {
    # a user's jobs, newest first: GET /v1/videos, and the web page's list
    videos_of_user = [
      { field = "user_id", order = "ASCENDING" },
      { field = "created_at", order = "DESCENDING" },
    ]
    # the same, of one status
    videos_of_user_by_status = [
      { field = "user_id", order = "ASCENDING" },
      { field = "status", order = "ASCENDING" },
      { field = "created_at", order = "DESCENDING" },
    ]
  }
}

resource "google_firestore_field" "ttl" {
  for_each = local.ttl_collections

  database   = google_firestore_database.default.name
  collection = each.key
  field      = "expires_at"

  ttl_config {}
  index_config {}
}

# The sweep queries all jobs at once (a collection group), which has no index by default.
resource "google_firestore_field" "wake_at" {
  database   = google_firestore_database.default.name
  collection = "internal"
  field      = "wake_at"

  index_config {
    indexes {
      order       = "ASCENDING"
      query_scope = "COLLECTION_GROUP"
    }
  }
}

# Likewise for webhooks whose task was lost.
resource "google_firestore_field" "webhook_due_at" {
  database   = google_firestore_database.default.name
  collection = "internal"
  field      = "webhook.due_at"

  index_config {
    indexes {
      order       = "ASCENDING"
      query_scope = "COLLECTION_GROUP"
    }
  }
}

# Each write of a document also writes an index entry for each of its fields. These are the
# documents that are written most, so they have only the indexes that a query needs.
resource "google_firestore_field" "unindexed" {
  for_each = toset(["internal", "settled", "spend", "usage", "users"])

  database   = google_firestore_database.default.name
  collection = each.key
  field      = "*"

  index_config {}
}

# The ledger audit queries the users with open jobs.
resource "google_firestore_field" "open_jobs" {
  database   = google_firestore_database.default.name
  collection = "users"
  field      = "open_jobs"

  index_config {
    indexes {
      order       = "ASCENDING"
      query_scope = "COLLECTION"
    }
  }
}

# Point-in-time recovery ends with the database; backups outlive it.
resource "google_firestore_backup_schedule" "daily" {
  database  = google_firestore_database.default.name
  retention = "1209600s" # 14 days

  daily_recurrence {}
}

resource "google_firestore_index" "indexes" {
  for_each = local.composite_indexes

  database    = google_firestore_database.default.name
  collection  = "videos"
  query_scope = "COLLECTION"

  dynamic "fields" {
    for_each = concat(each.value, [{ field = "__name__", order = "DESCENDING" }])
    content {
      field_path = fields.value.field
      order      = fields.value.order
    }
  }

  lifecycle {
    # Until the new code runs, the old code's queries need theirs.
    create_before_destroy = true
  }
  # With the documents of a busy service it takes longer than the default of 20 minutes.
  timeouts {
    create = "120m"
  }
}

resource "google_firebaserules_ruleset" "firestore" {
  source {
    files {
      name    = "firestore.rules"
      content = file("${path.module}/firestore.rules")
    }
  }

  lifecycle {
    # A released ruleset cannot be deleted.
    create_before_destroy = true
  }
  depends_on = [google_firestore_database.default]
}

resource "google_firebaserules_release" "firestore" {
  name         = "cloud.firestore"
  ruleset_name = google_firebaserules_ruleset.firestore.name
}

# A database that was made in the console has rules already.
import {
  for_each = setintersection(var.existing, ["firestore_rules"])
  to       = google_firebaserules_release.firestore
  id       = "projects/${var.project_id}/releases/cloud.firestore"
}
