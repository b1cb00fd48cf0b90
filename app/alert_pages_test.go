package app_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"yiwang/city"
)

// What a program noticed is read in the list, on a page of its own, at the desk and
// on the telephone; whoever answers for it holds the like back, with a reason.
func TestAlertsArePages(t *testing.T) {
	p := newPlace(t, "")
	head := p.officer("head", "emergency-management.head")
	looker := p.officer("looker", "emergency-management.inspector")
	stranger := p.officer("stranger", "civil-affairs.reviewer")
	a, _ := p.raises(stops(time.Now().Add(-50*time.Hour), 3, "w1"))
	n := p.files(a).Number

	for _, path := range []string{"/desk/alerts", "/desk/alerts/" + a.ID.String(), "/desk/alerts/silences"} {
		p.page(stranger, path, nil, http.StatusForbidden)
		p.page(head, path, nil, http.StatusOK)
	}
	p.page(head, "/desk/alerts/nothing", nil, http.StatusNotFound)
	if strings.Contains(p.page(stranger, "/desk", nil, http.StatusOK), `href="/desk/alerts"`) {
		t.Error("who sees no alerts is led to them")
	}
	list := p.page(head, "/desk/alerts?rule=repeat_stay_unknown&days=7&state=filed", nil, http.StatusOK)
	p.says(list, "多次停在没有登记企业的地方", "2 辆危险货物车 3 天里在同一个地方停了 3 次", "核查中", string(n))
	p.says(p.page(head, "/desk/alerts?subject=%00", nil, http.StatusUnprocessableEntity), city.Say(city.Chinese, "alert.subject"))
	p.page(head, "/desk/alerts?rule=%00&state=%ff", nil, http.StatusUnprocessableEntity)
	p.says(p.page(head, "/desk/alerts?rule=fatigue", nil, http.StatusOK), "没有这样的线索")
	one := p.page(head, "/desk/alerts/"+a.ID.String(), nil, http.StatusOK)
	p.says(one, "把握 80%", "第二十四条", "车辆 苏F12345", "分钟 40", "打开核查任务 "+string(n))
	if !strings.Contains(one, `<figure class="map"`) {
		t.Error("there is no map")
	}

	p.says(p.page(head, "/desk/cases/"+string(n), nil, http.StatusOK), "程序发现", "把握 80%", "看依据")
	task := p.page(looker, "/field/tasks/"+string(n), nil, http.StatusOK)
	p.says(task, "程序发现了什么", "车辆 苏F12345", "收到，我去", "属于哪种情况", "违法生产", "为什么不属实")
	if strings.Contains(text(task), "疲劳驾驶") {
		t.Error("a finding is offered that the rule doesn't know")
	}
	if tasks := p.page(looker, "/field", nil, http.StatusOK); !strings.Contains(tasks, "/field/tasks/"+string(n)) {
		t.Error("the task isn't in the list")
	}

	if centre := p.page(p.officer("chief", "operations-center.commander"), "/desk/alerts/silences", nil, http.StatusOK); !strings.Contains(centre, `value="water-high"`) || !strings.Contains(centre, `value="fatigue"`) {
		t.Error("the form offers the centre not every rule")
	}
	if own := p.page(head, "/desk/alerts/silences", nil, http.StatusOK); strings.Contains(own, `value="water-high"`) || strings.Contains(own, `value="fatigue"`) {
		t.Error("the form offers a rule that somebody else answers for")
	}
	form := url.Values{"rule": {"repeat_stay_unknown"}, "subject": {a.Subject}, "until": {"7"}}
	p.says(p.page(head, "/desk/alerts/silences", form, http.StatusUnprocessableEntity), "理由")
	form.Set("reason", "那里是停车场，正在登记")
	p.page(looker, "/desk/alerts/silences", form, http.StatusForbidden)
	p.page(head, p.page(head, "/desk/alerts/silences", form, http.StatusSeeOther), nil, http.StatusOK)
	shown := p.page(head, "/desk/alerts/silences", nil, http.StatusOK)
	p.says(shown, "那里是停车场，正在登记", "应急局 局长", "期间发现 0 次", "现在结束")
	_, rest, _ := strings.Cut(shown, `action="/desk/alerts/silences/`)
	id, _, _ := strings.Cut(rest, "/")
	p.page(looker, "/desk/alerts/silences/"+id+"/end", url.Values{}, http.StatusForbidden)
	p.page(head, "/desk/alerts/silences/"+id+"/end", url.Values{}, http.StatusSeeOther)
	p.says(p.page(head, "/desk/alerts/silences", nil, http.StatusOK), "提前结束")
	p.page(head, "/desk/alerts/silences/"+city.NewSilenceID().String()+"/end", url.Values{}, http.StatusNotFound)
}
