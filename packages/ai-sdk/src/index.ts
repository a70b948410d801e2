/** Reelay as a provider of the Vercel AI SDK. */

import { NoSuchModelError, type ProviderV4 } from "@ai-sdk/provider";
import { type FetchFunction, loadApiKey, loadSetting, withoutTrailingSlash } from "@ai-sdk/provider-utils";

import { Api } from "./api.ts";
import { ReelayVideoModel } from "./video-model.ts";

/** The provider that Reelay asks first; `auto` keeps the configured order. */
export type ReelayModelId = "auto" | "runway" | "gemini-veo-3.1" | "gemini-omni-flash" | (string & {});

export interface ReelaySettings {
  /** The URL of your Reelay API, such as `https://api-….run.app`. Default: `REELAY_BASE_URL`. */
  baseURL?: string;
  /** An API key (`rk_…`) or a Firebase ID token. Default: `REELAY_API_KEY`. */
  apiKey?: string;
  /** Headers to send with every request to the API. */
  headers?: Record<string, string>;
  /** Replaces the global `fetch`. */
  fetch?: FetchFunction;
}

export interface ReelayProvider extends ProviderV4 {
  (modelId: ReelayModelId): ReelayVideoModel;
  video(modelId: ReelayModelId): ReelayVideoModel;
  videoModel(modelId: ReelayModelId): ReelayVideoModel;
}

export function createReelay(settings: ReelaySettings = {}): ReelayProvider {
  // Settings are read with each call, so that importing the package needs no environment.
  const api = new Api(() => ({
    baseURL: withoutTrailingSlash(
      loadSetting({
        settingValue: settings.baseURL,
        environmentVariableName: "REELAY_BASE_URL",
        settingName: "baseURL",
        description: "Reelay's address",
      }),
    )!,
    headers: {
      Authorization: `Bearer ${loadApiKey({
        apiKey: settings.apiKey,
        environmentVariableName: "REELAY_API_KEY",
        description: "Reelay",
      })}`,
      ...settings.headers,
    },
    fetch: settings.fetch,
  }));
  const video = (modelId: ReelayModelId) => new ReelayVideoModel(modelId, api);
  const noSuchModel = (modelType: "languageModel" | "embeddingModel" | "imageModel") => (modelId: string) => {
    throw new NoSuchModelError({ modelId, modelType });
  };
  return Object.assign(video.bind(null), {
    specificationVersion: "v4" as const,
    video,
    videoModel: video,
    languageModel: noSuchModel("languageModel"),
    embeddingModel: noSuchModel("embeddingModel"),
    imageModel: noSuchModel("imageModel"),
  });
}

export const reelay = createReelay();
export { ReelayVideoModel };
