// What a browser is not asked to show, and why.

export const UNABLE = {
  chromium: {},
  firefox: {},
  webkit: {},
};
