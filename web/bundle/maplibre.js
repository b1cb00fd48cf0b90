// The map of the command centre.
export { Map, NavigationControl, ScaleControl, AttributionControl, setWorkerUrl } from "maplibre-gl";
