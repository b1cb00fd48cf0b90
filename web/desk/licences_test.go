package desk

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"yiwang/casework"
	"yiwang/credential"
	"yiwang/internal/db"
)

// granted is a case that has given its licence.
func (w *world) granted() (casework.Case, credential.Credential) {
	w.Helper()
	c := w.opened()
	w.do(porter, c, casework.Action{Name: "accept"})
	w.do(coach, c, casework.Action{Name: "special_procedure", Procedure: "site_inspection"})
	w.do(coach, c, casework.Action{Name: "resume"})
	w.do(coach, c, casework.Action{Name: "played"})
	w.do(elder, c, casework.Action{Name: "complete_task", Opinion: "agree"})
	w.do(elder2, c, casework.Action{Name: "complete_task", Opinion: "agree"})
	c = w.do(president, c, casework.Action{Name: "approve"})
	var list []credential.Credential
	w.ok(w.db.View(context.Background(), func(ctx context.Context, tx *db.Tx) (err error) {
		list, err = w.licences.ByCase(ctx, tx, program, c.Number)
		return err
	}))
	if len(list) != 1 {
		w.Fatalf("%d licences", len(list))
	}
	return c, list[0]
}

func TestALicenceIsRevokedWithItsReason(t *testing.T) {
	w := newWorld(t)
	c, l := w.granted()
	p := w.get(president, CasePath(c.Number, "")).is(200)
	p.says("#licences", "会员卡", "有效", string(l.Number))
	href := attr(p.one("#licences a"), "href")
	p = w.get(president, href).is(200)
	p.says("main", "会员卡", "林小满", "现在有效", "红土、草地", string(c.Number), w.number, "没有变动")
	if got := p.text(".act .button"); !strings.Contains(got, "暂扣") || !strings.Contains(got, "收回") || strings.Contains(got, "恢复") {
		t.Errorf("offered: %s", got)
	}
	w.get(porter, href).is(200).says(".act", "不能改动")

	path, v := w.get(president, LicencePath(string(l.Number), "suspend", "")).is(200).form("suspend")
	p = w.post(president, path, v).is(422)
	p.says(".faults", "")
	v.Set("reason", "欠会费")
	v.Set("legal", "会章第七条")
	p = w.post(president, path, v).is(303)
	w.post(president, path, v).is(303) // sent twice, done once
	p = w.get(president, p.Header().Get("Location")).is(200)
	p.says("main", "已记下：证照已暂扣", "不能用", "欠会费", "会章第七条", "俱乐部")
	if n := len(p.all("main .line > li")); n != 1 {
		t.Errorf("%d changes", n)
	}
	// Somebody else restored it meanwhile: what was typed for the restoring stays to be read.
	path, v = w.get(president, LicencePath(string(l.Number), "restore", "")).is(200).form("restore")
	v.Set("reason", "已交会费")
	w.ok(w.db.Update(context.Background(), func(ctx context.Context, tx *db.Tx) error {
		_, err := w.licences.Restore(ctx, tx, president, credential.Change{Number: l.Number, Reason: "paid"})
		return err
	}))
	w.post(president, path, v).is(409).says(".notice.wrong", "已交会费")

	path, v = w.get(president, LicencePath(string(l.Number), "revoke", c.Number)).is(200).form("revoke")
	v.Set("reason", "转会了")
	w.post(president, path, v).is(422).says(".faults", "请选一种")
	v.Set("status", "04")
	p = w.post(president, path, v).is(303)
	p = w.get(president, p.Header().Get("Location")).is(200)
	p.says("main header", "注销")
	p.says(".act", "不能改动")
	w.get(president, LicencePath(string(l.Number), "revoke", "")).is(409)
}

func TestALicenceIsFoundByItsNumber(t *testing.T) {
	w := newWorld(t)
	_, l := w.granted()
	if p := w.get(president, PathLicences+"?number="+url.QueryEscape(" "+string(l.Number))).is(303); p.Header().Get("Location") != LicencePath(string(l.Number), "", "") {
		t.Errorf("leads to %s", p.Header().Get("Location"))
	}
	w.get(president, PathLicences+"?number=1.2.156").is(422).says("main .fault", "证照标识")
	w.get(president, PathLicences).is(200)
	w.get(w.resident(), PathLicences).is(403)
	wrong := string(l.Number[:len(l.Number)-1]) + "?"
	w.get(president, LicencePath(wrong, "", "")).is(422)
}
