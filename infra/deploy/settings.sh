# The settings of make deploy, so that all deploy the same. Bucket names are shared by all of
# Google Cloud: somebody else's bucket of this name is not believed.
owner=$(gcloud storage buckets describe "gs://$STATE_BUCKET" --raw \
  --format="value(projectNumber)")
if [ "$owner" != "$PROJECT_NUMBER" ]; then
  echo "gs://$STATE_BUCKET belongs to project number $owner, not to this one."
  exit 1
fi
gcloud storage cp "gs://$STATE_BUCKET/settings.tfvars.json" /workspace/
