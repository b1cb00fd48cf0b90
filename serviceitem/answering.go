package serviceitem

import (
	"context"
	"slices"
	"strings"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/internal/db"
)

// answering finds who answers for a bad rating of a case: the first post of the
// city's list with a holder who had no part in the case, the last one where there
// is none. Barred are all who had a part, in it or in what came of it.
func (s *Service) answering(ctx context.Context, tx *db.Tx, c casework.Case) (post city.PostID, barred []city.AccountID, err error) {
	if barred, err = s.handlers(ctx, tx, c); err != nil {
		return "", nil, err
	}
	var people []city.PersonID
	if s.PersonOf != nil {
		for _, a := range barred {
			p, err := s.PersonOf(ctx, tx, a)
			if err != nil {
				return "", nil, err
			}
			people = append(people, p)
		}
	}
	for _, named := range s.BadRatings {
		post = city.PostID(strings.Replace(named, "$body", string(bodyOf(c)), 1))
		held, err := s.Directory.OfficersOf(ctx, tx, post, c.Region)
		if err != nil {
			return "", nil, err
		}
		for _, o := range held {
			if !slices.Contains(people, o.Person) {
				return post, barred, nil
			}
		}
	}
	return post, barred, nil
}

// handlers are the officers who acted in a case or in its children.
func (s *Service) handlers(ctx context.Context, tx *db.Tx, c casework.Case) ([]city.AccountID, error) {
	actor := program(bodyOf(c))
	all, err := s.engine.Children(ctx, tx, actor, c.ID)
	if err != nil {
		return nil, err
	}
	var who []city.AccountID
	for _, c := range append(all, c) {
		records, err := s.engine.History(ctx, tx, actor, c.Number)
		if err != nil {
			return nil, err
		}
		for _, r := range records {
			if r.By.Kind == city.Officer && !slices.Contains(who, r.By.Account) {
				who = append(who, r.By.Account)
			}
		}
	}
	return who, nil
}
