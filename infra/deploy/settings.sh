# The settings that make deploy saved, so that every deploy uses the same. Bucket names are
# global: a bucket of this name that another project owns is not read.
owner=$(gcloud storage buckets describe "gs://$STATE_BUCKET" --raw \
  --format="value(projectNumber)")
if [ "$owner" != "$PROJECT_NUMBER" ]; then
  echo "gs://$STATE_BUCKET belongs to project number $owner, not to this one."
  exit 1
fi
gcloud storage cp "gs://$STATE_BUCKET/settings.tfvars.json" /workspace/
