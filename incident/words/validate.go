package words

import (
	"slices"
	"unicode"

	"yiwang/algorithm"
	"yiwang/city"
)

const (
	// Offered is how many classes faces offer at most.
	Offered = 3
	// Folds are those of the cross-validation: of fewer examples of a class each is left
	// out once.
	Folds = 10
)

// Method is how the classifier works: with another, its wording in the register is
// another.
const Method = "multinomial naive Bayes over words, Han characters and pairs of them, smoothed by 0.1"

// Validate says how well the examples teach beside what is known of the classes, by
// cross-validation: the first of each class is in the first fold, the second in the
// second and so on, and the sentences of a fold are judged by a classifier that learnt
// from what is known and the other folds alone. It counts
// the right ones, all together and by language; those among the classes that are
// offered; and of those with a share of sure or more, which are sent on without asking,
// the right ones. Beside them stands whoever always says the class with the most
// examples.
func Validate(examples, known []Example, sure float64) []algorithm.Measure {
	fold, seen := make([]int, len(examples)), map[city.ItemCode]int{}
	for i, e := range examples {
		fold[i] = seen[e.Class] % Folds
		seen[e.Class]++
	}
	most := 0
	for _, n := range seen {
		most = max(most, n)
	}
	measures := map[string]*algorithm.Measure{}
	note := func(name, group string, hit bool) {
		m := measures[name+" "+group]
		if m == nil {
			m = &algorithm.Measure{Name: name, Group: group}
			measures[name+" "+group] = m
		}
		m.Of++
		if hit {
			m.Hits++
		}
	}
	for f := range Folds {
		learn := slices.Clone(known)
		for i, e := range examples {
			if fold[i] != f {
				learn = append(learn, e)
			}
		}
		if len(learn) == len(known)+len(examples) {
			continue
		}
		c := Learn(learn)
		for i, e := range examples {
			if fold[i] != f {
				continue
			}
			got := c.Suggest(e.Text, Offered)
			right := len(got) > 0 && got[0].Class == e.Class
			note(algorithm.MeasuredRight, "", right)
			note(algorithm.MeasuredRight, string(languageOf(e.Text)), right)
			note(algorithm.MeasuredAmong, "", slices.ContainsFunc(got, func(s Suggestion) bool { return s.Class == e.Class }))
			if len(got) > 0 && got[0].Share >= sure {
				note(algorithm.MeasuredSure, "", right)
			}
		}
	}
	var out []algorithm.Measure
	for _, name := range []string{algorithm.MeasuredRight, algorithm.MeasuredAmong, algorithm.MeasuredSure} {
		for _, group := range []string{"", string(city.Chinese), string(city.English)} {
			if m := measures[name+" "+group]; m != nil {
				out = append(out, *m)
			}
		}
	}
	return append(out, algorithm.Measure{Name: algorithm.MeasuredCommonest, Hits: most, Of: len(examples)})
}

// languageOf tells Chinese sentences from others.
func languageOf(text string) city.Lang {
	for _, r := range text {
		if unicode.Is(unicode.Han, r) {
			return city.Chinese
		}
	}
	return city.English
}
