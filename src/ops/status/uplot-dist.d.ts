declare module "uplot/dist/uPlot.iife.min.js" {
  const path: string;
  export default path;
}

declare module "uplot/dist/uPlot.min.css" {
  const path: string;
  export default path;
}

declare module "*/status.css" {
  const path: string;
  export default path;
}
