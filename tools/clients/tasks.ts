// Compiled, not run: the types that openapi-typescript has made are those that a front end needs.
import type { components, operations, paths } from "./service";

type NewTask = paths["/tasks"]["post"]["requestBody"]["content"]["application/json"];
type Change = components["schemas"]["TaskUpdate"];
type Query = NonNullable<operations["list_tasks"]["parameters"]["query"]>;
type Listed = operations["list_tasks"]["responses"][200];
type Refused = operations["read_task"]["responses"]["4XX"]["content"]["application/problem+json"];

export const created: NewTask = { title: "Buy milk" };
export const change: Change = { done: true };
export const query: Query = { done: false, sort: "-created_at", limit: 10, offset: 20 };

export function page(listed: Listed): { titles: string[]; total: number | undefined } {
  const titles = listed.content["application/json"].map((task) => task.title);
  return { titles, total: listed.headers["X-Total-Count"] };
}

export function reason(refused: Refused): string {
  return refused.detail ?? refused.title;
}

// @ts-expect-error A task has no owner in a request.
export const refused: NewTask = { title: "Buy milk", owner: "eve" };
// @ts-expect-error Tasks are not sorted by their titles.
export const unsorted: Query = { sort: "title" };
