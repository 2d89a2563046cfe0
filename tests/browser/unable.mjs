// What a browser is not asked to show, and why.

const NO_LOCKS = 'Firefox keeps no page in its cache that has a Web Lock or waits for one';

export const UNABLE = {
  chromium: {},
  firefox: {
    'cache::lock_is_released': NO_LOCKS,
    'cache::waits_again': NO_LOCKS,
    'cache::late_answer': NO_LOCKS,
  },
  webkit: {},
  devices: {},
};
