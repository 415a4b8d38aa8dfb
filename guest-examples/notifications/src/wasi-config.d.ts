// What wit/world.wit imports, as TypeScript sees it: `result` becomes a return or an exception, `none` is undefined.

declare module "wasi:config/store@0.2.0-rc.1" {
  export function get(key: string): string | undefined;
}
