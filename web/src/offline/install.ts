/** Installs the service worker, which opens pages without the service. Browsers have none on pages without HTTPS. */
import { mount } from "../address"
import { savesData, whenIdle } from "../idle"

export function installServiceWorker(): void {
  if (!import.meta.env.PROD || !("serviceWorker" in navigator) || savesData()) return
  whenIdle(() => {
    const installed = navigator.serviceWorker.register(`${mount()}/service-worker.js`, { updateViaCache: "none" })
    installed.catch(() => {}) // the page works without it
  })
}
