package demo

import "yiwang/city"

// words are the lists that the city is made up from.
type words struct {
	People   peopleFile
	Firms    firmsFile
	Items    map[city.ItemCode]*itemPlan
	Said     saidFile
	Streets  incidentsFile
	Campaign campaignFile
}

// saidFile is data/words.yaml: what officers write and people say.
type saidFile struct {
	Inspected []string                                      `yaml:"inspected"`
	Agree     []string                                      `yaml:"agree"`
	Disagree  []string                                      `yaml:"disagree"`
	Reviewed  []string                                      `yaml:"reviewed"`
	Extend    []string                                      `yaml:"extend"`
	Terminate []string                                      `yaml:"terminate"`
	Comment   []string                                      `yaml:"comment"`
	Reasons   map[string][]string                           `yaml:"reasons"` // by action
	Appeal    string                                        `yaml:"appeal"`
	Choose    map[city.KindID]map[string]map[string]float64 `yaml:"choose"` // by kind, stage and action
	LookAgain []string                                      `yaml:"look_again"`
	Revoke    []ending                                      `yaml:"revoke"`
	Suspend   []ending                                      `yaml:"suspend"`
	Ratings   map[int][]string                              `yaml:"ratings"` // by stars
}

type ending struct {
	Reason string `yaml:"reason"`
	Legal  string `yaml:"legal"`
}

// itemPlan is data/items.yaml's word on an item: who applies for it, how often,
// with what, and how it goes.
type itemPlan struct {
	Who      string           `yaml:"who"`
	Weight   float64          `yaml:"weight"`
	Once     bool             `yaml:"once"`     // nobody applies twice
	Counter  int              `yaml:"counter"`  // of a hundred, how many come to a counter
	Inspects int              `yaml:"inspects"` // of a hundred, how many are looked at on site where they needn't
	Vars     map[string][]any `yaml:"vars"`
	Papers   []paperPlan      `yaml:"papers"`
	Answers  map[string][]any `yaml:"answers"`
	Goes     map[fate]float64 `yaml:"goes"`

	Points      []pointPlan `yaml:"points"`
	Refuse      []string    `yaml:"refuse"`
	NotAccepted []string    `yaml:"not_accepted"`
}

type paperPlan struct {
	Type   city.CredentialType `yaml:"type"`
	Of     string              `yaml:"of"`     // "firm", or the person
	Days   int                 `yaml:"days"`   // valid since so many days
	Chance int                 `yaml:"chance"` // of a hundred; 0 is always
	Fields map[string][]any    `yaml:"fields"`
}

type pointPlan struct {
	Field string `yaml:"field"`
	Text  string `yaml:"text"`
}

// fate is how a case goes.
type fate string

const (
	goesWell    fate = "good"
	corrected   fate = "corrected"
	lapsed      fate = "lapsed" // asked for a correction that never came
	notAccepted fate = "not_accepted"
	refused     fate = "refused"
	withdrawn   fate = "withdrawn"
	slow        fate = "slow"
	extended    fate = "extended"
	missed      fate = "missed"
)

var fates = []fate{corrected, lapsed, notAccepted, refused, withdrawn, slow, extended, missed}
