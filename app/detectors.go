package app

// registerDetectors puts the rules of detection into the algorithm register, each
// with what it looks for, on which ground, and what a person decides.
func (a *App) registerDetectors() error {
	for _, d := range a.Pack.Detection.Registered() {
		if err := a.Algorithms.Add(d); err != nil {
			return err
		}
	}
	return nil
}
