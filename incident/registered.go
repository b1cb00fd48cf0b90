package incident

import (
	"yiwang/algorithm"
	"yiwang/city"
	"yiwang/incident/words"
)

// ClassifierID names the classifier in the algorithm register, and the description
// of it in the pack.
const ClassifierID city.RuleID = "incident-classes"

// Registered is the classifier for the algorithm register, as the city describes it:
// what it learnt from, from when on it acts, and how it does on sentences that it has
// not learnt from.
func (s *Service) Registered(d algorithm.Description) algorithm.Described {
	return algorithm.Described{Description: d, Kind: algorithm.Suggests,
		Parameters: []algorithm.Parameter{{Name: "classes", Value: float64(len(s.list))}, {Name: "examples", Value: float64(len(s.said))},
			{Name: "sure_percent", Value: 100 * s.Settings.Sure}},
		Definition: map[string]any{"method": words.Method, "examples": s.said, "names": s.known},
		Measure: func() algorithm.Measured {
			return algorithm.Measured{How: algorithm.MeasuredByFolds, Parts: words.Folds, Measures: words.Validate(s.said, s.known, s.Settings.Sure)}
		}}
}

// claims is what the classifier said of a report that opens a matter: it acted by
// itself on what the words fit, or a face had shown its guess before the class was
// chosen. Then, an officer decides at once, and nothing is sent on by itself.
func (s *Service) claims(r Report, class city.ItemCode) []algorithm.Claim {
	claim := algorithm.Claim{By: ClassifierID}
	switch {
	case r.Class == "" && class != "" && r.Then.Name == "":
		claim.Did, claim.Says = algorithm.DidSend, string(class)
	case s.classes[r.Offered] == nil:
		return nil
	case r.Offered == r.Class:
		claim.Did, claim.Says = algorithm.DidFollow, string(r.Offered)
	default:
		claim.Did, claim.Says = algorithm.DidPassOver, string(r.Offered)
	}
	return []algorithm.Claim{claim}
}

// judge says in an event what people found the class of its matter to be, for
// whatever the classifier said of it.
func judge(data map[string]any, class city.ItemCode) {
	if class != "" {
		data["judged"] = []algorithm.Judgement{{Of: ClassifierID, Is: string(class)}}
	}
}
