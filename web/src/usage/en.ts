export const messages = {
  usageTitle: "Usage",
  today: "Today",
  thisMonth: "This month",
  left: (usd: string) => `${usd} left`,
  leftOf: (left: string, limit: string) => `${left} left of ${limit}`,
  withOpen: (usd: string) => `${usd} of it in progress`,
  noLimit: "no limit",
  capOf: (period: string) => `Limit, ${period.toLowerCase()}`,
  period: "Period",
  lastDays: (days: number) => `${days} days`,
  measure: "Show",
  spending: "Cost",
  videos: "Videos",
  videoCount: (count: number) => (count === 1 ? "1 video" : `${count} videos`),
  chartTitle: (days: number) => `The last ${days} days`,
  chartLabel: (total: string, day: string, most: string) =>
    `${total} in total; the most on ${day}: ${most}`,
  withoutProvider: "No provider",
  translation: "Translation",
  asTable: "As a table",
  date: "Date",
  maker: "Provider",
  failedJobs: "Failed",
  providersTitle: "Provider performance",
  providerDid: (completed: number, attempts: number, rate: string) =>
    `${completed} of ${attempts} ${attempts === 1 ? "request" : "requests"} succeeded (${rate})`,
  providerTook: (time: string) => `usually ${time}`,
  noUsage: "No videos in this period. What you make, and what it costs, will appear here.",
  cannotLoad: "The figures could not be loaded.",
  tryAgain: "Try again",
};

export type Messages = typeof messages;
