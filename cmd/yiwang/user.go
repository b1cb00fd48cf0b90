package main

import (
	"strings"
	"time"

	"yiwang/app"
	"yiwang/city"
)

type userCmd struct {
	Add    userAddCmd    `cmd:"" help:"Make an account and print the one-time code for it."`
	Code   userCodeCmd   `cmd:"" help:"Print a new one-time code: it sets a password and ends earlier codes."`
	Lock   userLockCmd   `cmd:"" help:"Let nobody in by the account; its sessions end."`
	Unlock userUnlockCmd `cmd:"" help:"Let the account in again."`
}

type userAddCmd struct {
	Login  string   `arg:"" help:"What to sign in with."`
	Number string   `required:"" help:"Citizen number of the person."`
	Name   string   `help:"Name, for somebody who is not in the register yet."`
	Region string   `help:"Division code: where the person lives, or what the posts cover."`
	Post   []string `help:"Makes an officer: posts such as civil-affairs.clerk."`
	JSON   bool     `name:"json" help:"One JSON object for programs."`
	cityFlags
}

func (c *userAddCmd) Run(e *env) error {
	return c.with(e, func(a *app.App) error {
		n := app.NewUser{Login: c.Login, Number: c.Number, Name: c.Name, Region: city.RegionCode(c.Region)}
		for _, p := range c.Post {
			n.Posts = append(n.Posts, city.PostID(p))
		}
		code, err := a.AddUser(e.ctx, n)
		return e.code(code, c.JSON, err)
	})
}

type userCodeCmd struct {
	Login string `arg:"" help:"What the person signs in with."`
	JSON  bool   `name:"json" help:"One JSON object for programs."`
	cityFlags
}

func (c *userCodeCmd) Run(e *env) error {
	return c.with(e, func(a *app.App) error {
		code, err := a.UserCode(e.ctx, c.Login)
		return e.code(code, c.JSON, err)
	})
}

func (e *env) code(c app.Code, asJSON bool, err error) error {
	if err != nil {
		return err
	}
	c.Until = c.Until.In(c.Where)
	if asJSON {
		return e.json(c)
	}
	e.say("cli.user.code", "login", c.Login, "code", c.Code, "until", c.Until)
	return nil
}

type userLockCmd struct {
	Login string `arg:"" help:"What the person signs in with."`
	JSON  bool   `name:"json" help:"One JSON object for programs."`
	cityFlags
}

func (c *userLockCmd) Run(e *env) error { return lock(e, c.cityFlags, c.Login, true, c.JSON) }

type userUnlockCmd struct {
	Login string `arg:"" help:"What the person signs in with."`
	JSON  bool   `name:"json" help:"One JSON object for programs."`
	cityFlags
}

func (c *userUnlockCmd) Run(e *env) error { return lock(e, c.cityFlags, c.Login, false, c.JSON) }

func lock(e *env, f cityFlags, login string, locked, asJSON bool) error {
	return f.with(e, func(a *app.App) error {
		if err := a.LockUser(e.ctx, login, locked); err != nil {
			return err
		}
		switch {
		case asJSON:
			return e.json(map[string]any{"login": login, "locked": locked})
		case locked:
			e.say("cli.user.locked", "login", login)
		default:
			e.say("cli.user.unlocked", "login", login)
		}
		return nil
	})
}

type tokenCmd struct {
	Create tokenCreateCmd `cmd:"" help:"Make a token that acts for an account; it is shown once."`
	List   tokenListCmd   `cmd:"" help:"List an account's tokens that are alive."`
	End    tokenEndCmd    `cmd:"" help:"End a token at once."`
}

type tokenCreateCmd struct {
	Login string   `arg:"" help:"The account that the token acts for."`
	Name  string   `required:"" help:"What it is for, to be known by in lists."`
	Scope []string `required:"" help:"What it may do: case.read, case.*, or * for all that the account may."`
	Days  int      `default:"90" help:"How long it lives, at most 366 days."`
	JSON  bool     `name:"json" help:"One JSON object for programs."`
	cityFlags
}

func (c *tokenCreateCmd) Run(e *env) error {
	return c.with(e, func(a *app.App) error {
		t, err := a.MakeToken(e.ctx, c.Login, c.Name, c.Scope, time.Duration(c.Days)*24*time.Hour)
		if err != nil {
			return err
		}
		if c.JSON {
			return e.json(t)
		}
		e.line("%s", t.Secret)
		e.say("cli.token.made", "id", t.ID.String(), "until", t.Expires)
		return nil
	})
}

type tokenListCmd struct {
	Login string `arg:"" help:"The account."`
	JSON  bool   `name:"json" help:"One JSON object for programs."`
	cityFlags
}

func (c *tokenListCmd) Run(e *env) error {
	return c.with(e, func(a *app.App) error {
		list, err := a.TokensOf(e.ctx, c.Login)
		if err != nil {
			return err
		}
		if c.JSON {
			return e.json(map[string]any{"items": list})
		}
		if len(list) == 0 {
			e.say("cli.token.none", "login", c.Login)
		}
		for _, t := range list {
			e.line("%s  %s  %s  %s", t.ID, t.Expires.Format(time.DateOnly), strings.Join(t.Scopes, " "), t.Name)
		}
		return nil
	})
}

type tokenEndCmd struct {
	Login string `arg:"" help:"The account."`
	ID    string `arg:"" help:"The token's id, as list shows it."`
	JSON  bool   `name:"json" help:"One JSON object for programs."`
	cityFlags
}

func (c *tokenEndCmd) Run(e *env) error {
	return c.with(e, func(a *app.App) error {
		if err := a.EndToken(e.ctx, c.Login, c.ID); err != nil {
			return err
		}
		if c.JSON {
			return e.json(map[string]any{"id": c.ID, "ended": true})
		}
		e.say("cli.token.ended", "id", c.ID)
		return nil
	})
}
