# For organisations that forbid allUsers. An apply that touches api undoes this.
if grep -q '"api_public": false' /workspace/settings.tfvars.json; then
  gcloud run services update api --no-invoker-iam-check --region="$REGION" \
    --project="$PROJECT"
fi
