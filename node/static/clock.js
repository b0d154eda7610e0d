// Offers to show times by the reader's own clock, where that tells another time than the page does: one line with a link.
// Nothing is kept, nothing is sent: the zone goes into the address only if the link is followed.
const offer = document.getElementById('clock-offer');

// What a clock shows in a zone at a moment; nothing for a zone the browser does not know.
const told = (zone, moment) => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone, dateStyle: 'short', timeStyle: 'short' }).format(moment);
  } catch {
    return null;
  }
};

const address = (zone) => {
  const there = new URL(location.href);
  there.searchParams.set('tz', zone);
  there.hash = '';
  return there.pathname + there.search;
};

if (offer) {
  const mine = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const shown = offer.dataset.zone;
  const halfYear = 182 * 86400000;
  const moments = [Date.now(), Date.now() + halfYear];
  // Two names of one clock are one clock.
  const differs = mine && mine.includes('/') && mine !== 'Etc/Unknown'
    && moments.some((moment) => told(mine, moment) !== told(shown, moment));
  if (differs) {
    const link = document.createElement('a');
    link.rel = 'nofollow';
    link.textContent = offer.dataset.text.replace('{zone}', mine.replaceAll('_', ' '));
    link.href = address(mine);
    // The list may have been replaced meanwhile, and the address with it.
    document.addEventListener('interhub:listed', () => { link.href = address(mine); });
    offer.append(link);
    offer.hidden = false;
  }
}
